"""What programs do with S3, by boto3, against the endpoint that the environment names."""

import io
import os

import boto3
import botocore
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))
folder = os.environ["FOLDER"]


def code_of(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return None


# Buckets.
s3.create_bucket(Bucket="data")
s3.create_bucket(Bucket="other")
assert code_of(s3.create_bucket, Bucket="data") == "BucketAlreadyOwnedByYou"
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["data", "other"]
s3.head_bucket(Bucket="data")
assert code_of(s3.head_bucket, Bucket="missing") == "404"
assert code_of(s3.list_objects_v2, Bucket="missing") == "NoSuchBucket"

# Objects, with the checksums that boto3 sends by itself (in trailers) and by request.
s3.put_object(Bucket="data", Key="a/small", Body=b"content")
assert open(folder + "/data/a/small", "rb").read() == b"content"
for algorithm in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket="data", Key="a/small", Body=b"content", ChecksumAlgorithm=algorithm)
assert code_of(s3.put_object, Bucket="data", Key="bad", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==") == "BadDigest"
assert code_of(s3.put_object, Bucket="data", Key="bad", Body=b"x", ChecksumSHA256="x" * 43 + "=") in ("BadDigest", "InvalidRequest")
assert code_of(s3.get_object, Bucket="data", Key="bad") == "NoSuchKey"
head = s3.head_object(Bucket="data", Key="a/small")
assert head["ContentLength"] == 7 and head["ETag"] == '"9a0364b9e99bb480dd25e1f0284c8555"', head
assert s3.get_object(Bucket="data", Key="a/small")["Body"].read() == b"content"
assert code_of(s3.put_object, Bucket="data", Key="a/small", Body=b"x", IfNoneMatch="*") == "PreconditionFailed"
assert code_of(s3.get_object, Bucket="data", Key="a/small", IfMatch='"other"') == "PreconditionFailed"

# Ranges.
for text, expected in [("bytes=1-3", b"ont"), ("bytes=4-", b"ent"), ("bytes=-2", b"nt"), ("bytes=5-100", b"nt")]:
    answer = s3.get_object(Bucket="data", Key="a/small", Range=text)
    assert answer["Body"].read() == expected, text
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
assert answer["ContentRange"] == "bytes 5-6/7"
assert code_of(s3.get_object, Bucket="data", Key="a/small", Range="bytes=7-") == "InvalidRange"
s3.put_object(Bucket="data", Key="empty", Body=b"")
for text in ["bytes=0-", "bytes=-5"]:
    assert code_of(s3.get_object, Bucket="data", Key="empty", Range=text) == "InvalidRange", text
s3.delete_object(Bucket="data", Key="empty")

# Large objects, in parts by themselves.
large = os.urandom(21 * 1024 * 1024 + 5)
parts = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20, max_concurrency=3)
s3.upload_fileobj(io.BytesIO(large), "data", "large", Config=parts)
assert s3.head_object(Bucket="data", Key="large")["ETag"].endswith('-3"')
back = io.BytesIO()
s3.download_fileobj("data", "large", back, Config=parts)
assert back.getvalue() == large

# Parts by hand: wrong ones, and an abort.
upload = s3.create_multipart_upload(Bucket="data", Key="parts")["UploadId"]
first = s3.upload_part(Bucket="data", Key="parts", UploadId=upload, PartNumber=1, Body=b"a")
s3.upload_part(Bucket="data", Key="parts", UploadId=upload, PartNumber=1, Body=b"b")
second = s3.upload_part(Bucket="data", Key="parts", UploadId=upload, PartNumber=2, Body=b"c")
listed = s3.list_parts(Bucket="data", Key="parts", UploadId=upload)["Parts"]
assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, 1), (2, 1)]


def complete(*chosen):
    chosen = [{"PartNumber": number, "ETag": etag} for number, etag in chosen]
    return code_of(
        s3.complete_multipart_upload,
        Bucket="data", Key="parts", UploadId=upload, MultipartUpload={"Parts": chosen},
    )


assert complete((1, first["ETag"])) == "InvalidPart"
assert complete((1, listed[0]["ETag"]), (2, second["ETag"])) == "EntityTooSmall"
assert complete((2, second["ETag"]), (1, listed[0]["ETag"])) == "InvalidPartOrder"
assert complete((3, second["ETag"])) == "InvalidPart"
assert code_of(s3.upload_part, Bucket="data", Key="other", UploadId=upload, PartNumber=1, Body=b"") == "NoSuchUpload"
assert code_of(s3.upload_part, Bucket="data", Key="parts", UploadId="../../data", PartNumber=1, Body=b"") == "NoSuchUpload"
assert complete((2, second["ETag"])) is None
assert s3.get_object(Bucket="data", Key="parts")["Body"].read() == b"c"
upload = s3.create_multipart_upload(Bucket="data", Key="gone")["UploadId"]
s3.upload_part(Bucket="data", Key="gone", UploadId=upload, PartNumber=1, Body=b"a")
s3.abort_multipart_upload(Bucket="data", Key="gone", UploadId=upload)
assert code_of(s3.list_parts, Bucket="data", Key="gone", UploadId=upload) == "NoSuchUpload"
assert os.listdir(folder + "/.uploads") == [], os.listdir(folder + "/.uploads")

# Listings, both versions, page by page, with names that need care.
names = [f"list/{name}" for name in ["a b", "a+b", "ä", "p%20", "d/1", "d/2", "e/1", "z&<>"]]
for name in names:
    s3.put_object(Bucket="data", Key=name, Body=b"")
for operation, size in [("list_objects_v2", 3), ("list_objects", 3), ("list_objects_v2", 1000)]:
    pages = s3.get_paginator(operation).paginate(Bucket="data", Prefix="list/", PaginationConfig={"PageSize": size})
    assert [item["Key"] for page in pages for item in page.get("Contents", [])] == sorted(names, key=str.encode), operation
    pages = s3.get_paginator(operation).paginate(
        Bucket="data", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    pages = list(pages)
    folded = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
    assert folded == ["list/d/", "list/e/"], folded
    assert sum(len(page.get("Contents", [])) for page in pages) == 5
after = s3.list_objects_v2(Bucket="data", Prefix="list/", StartAfter="list/e/1")
assert [item["Key"] for item in after["Contents"]] == ["list/p%20", "list/z&<>", "list/ä"]
assert code_of(s3.list_objects_v2, Bucket="data", ContinuationToken="nonsense") == "InvalidArgument"

# Copies and removals.
s3.copy_object(Bucket="other", Key="copied", CopySource={"Bucket": "data", "Key": "large"})
assert s3.head_object(Bucket="other", Key="copied")["ContentLength"] == len(large)
s3.copy_object(Bucket="data", Key="a/small", CopySource={"Bucket": "data", "Key": "a/small"}, MetadataDirective="REPLACE")
assert s3.get_object(Bucket="data", Key="a/small")["Body"].read() == b"content"
assert code_of(s3.delete_bucket, Bucket="other") == "BucketNotEmpty"
s3.delete_object(Bucket="other", Key="copied")
s3.delete_object(Bucket="other", Key="copied")
s3.delete_bucket(Bucket="other")
answer = s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": name} for name in names + ["never"]]})
assert len(answer["Deleted"]) == len(names) + 1 and "Errors" not in answer
assert s3.list_objects_v2(Bucket="data", Prefix="list/")["KeyCount"] == 0

# Keys that could lead out of the folder. The client's path is what the server gets.
for key in ["../escaped", "a/../../escaped", "/escaped", "a//b", "."]:
    code = code_of(s3.put_object, Bucket="data", Key=key, Body=b"x")
    assert code is not None, key
assert not os.path.exists(folder + "/escaped") and not os.path.exists(folder + "/../escaped")

# Presigned.
import urllib.request

url = s3.generate_presigned_url("get_object", Params={"Bucket": "data", "Key": "a/small"}, ExpiresIn=60)
assert urllib.request.urlopen(url).read() == b"content"
