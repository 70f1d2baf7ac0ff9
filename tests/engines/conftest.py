"""What needs a real server is collected where the settings name one, and nowhere else."""

import os

collect_ignore = [] if os.environ.get("AWS_S3_BUCKET_NAME") else ["test_s3_bucket.py"]
