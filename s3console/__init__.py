"""s3console: find, review and repair what is wrong in an S3 bucket, from a terminal."""

__version__ = "0.1.0"
