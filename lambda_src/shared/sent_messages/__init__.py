"""Messages that campaigns and journeys sent, made again of their content and their endpoint.

`sends` reads a send, `contents` looks up the content as it was then, and `rendering` makes the
message with the renderer of the hub.
"""
