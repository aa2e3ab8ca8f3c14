"""The walk of s3console as functions: scan, classify, preview, approve, run. Shared by cli and ui."""
