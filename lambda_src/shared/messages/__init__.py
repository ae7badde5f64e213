"""Messages of campaigns, journeys and direct sends: the template language, and the content of a
recipient's message.

| Module | Holds |
|---|---|
| `templates`, `template_*` | the template language: syntax, variables, helpers |
| `content` | a configuration and its templates become the content for one recipient |
| `push` | the same for push notifications |
"""
