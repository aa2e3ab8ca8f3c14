"""The only room that talks to a store: boto3 and botocore are imported here and nowhere else."""
