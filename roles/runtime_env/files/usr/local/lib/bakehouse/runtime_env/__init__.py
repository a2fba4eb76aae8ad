"""Which environment is this instance in, and what does the application need to know there?

`metadata` asks the instance metadata service, `aws` the AWS API; `settings` and `environment` are
pure; `patience` decides how often to ask again; `main` drives them. Only Python's standard library
and Debian's python3-boto3 (1.26 on Debian 12) are here to be used.
"""
