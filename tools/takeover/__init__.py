"""Take over saved data of an Amazon Pinpoint project into a project of an engagement hub.

The saved data are exports of endpoints, and answers of the API as programs and the AWS CLI save
them. docs/taking_over.md is the page for users.
"""
