"""A local S3 server (moto), which can verify the signature of each request.

moto is a development dependency of the repository, so this module needs the repository's
environment.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.startable import Startable

START_SEC = 60.0
REGION = "eu-central-1"
_EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
)


class S3Server(Startable):
    """An S3 server in a process of its own. It can be started again, without its objects."""

    def __init__(self, folder: Path, *, verifies: bool = True) -> None:
        """Choose a port.

        Args:
            folder: gets the log of the server.
            verifies: whether signatures are verified. With True, moto accepts no presigned URL.
        """
        self._folder = folder
        self._verifies = verifies
        self.port = free_port()
        self.access_key_id = ""
        self.secret_access_key = ""
        self._process: ChildProcess | None = None

    @property
    def endpoint(self) -> str:
        """The URL of the server."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._child.pid

    @property
    def _child(self) -> ChildProcess:
        if self._process is None:
            raise RuntimeError("the S3 server was not started")
        return self._process

    def start(self) -> None:
        """Start the server; return when it answers and has a user with a key.

        Raises:
            ChildFailed: the server ended.
            NotInTime: the server does not answer after ``START_SEC``.
        """
        command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)]
        log = self._folder / "s3.log"
        self._process = ChildProcess(command, log=log, env=dict(os.environ))
        wait_until(self._answers, timeout_sec=START_SEC, what="the S3 server")
        self._make_key()

    def stop(self) -> None:
        """End the server, whose objects are in memory only."""
        if self._process:
            self._process.kill()

    def client(self) -> Any:
        """Return an independent S3 client for this server. The caller closes the client."""
        return self._boto("s3", self.access_key_id, self.secret_access_key)

    def make_bucket(self, name: str) -> None:
        """Make a bucket."""
        place = {"LocationConstraint": REGION}
        client = self.client()
        try:
            client.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        finally:
            client.close()

    def connection(self, *buckets: str, **more: Any) -> dict[str, Any]:
        """Return the settings of a connection to *buckets* of this server."""
        return {
            "endpoint": self.endpoint,
            "region": REGION,
            "buckets": list(buckets),
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "allow_private": True,
            **more,
        }

    def _make_key(self) -> None:
        """Make a user with a key, and let the server verify the requests from now on."""
        client = self._boto("iam", "setup", "setup")
        try:
            client.create_user(UserName="secretary")
            client.put_user_policy(
                UserName="secretary", PolicyName="all", PolicyDocument=_EVERYTHING
            )
            key = client.create_access_key(UserName="secretary")["AccessKey"]
        finally:
            client.close()
        self.access_key_id, self.secret_access_key = key["AccessKeyId"], key["SecretAccessKey"]
        if not self._verifies:
            return
        answer = requests.post(f"{self.endpoint}/moto-api/reset-auth", data=b"0", timeout=10)
        answer.raise_for_status()

    def _boto(self, service: str, key_id: str, secret: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def _answers(self) -> bool:
        if not self._child.running:
            raise self._child.failure("did not start")
        with suppress(requests.RequestException):
            return requests.get(f"{self.endpoint}/moto-api/", timeout=2).ok
        return False
