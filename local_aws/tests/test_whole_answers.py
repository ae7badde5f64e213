"""An answer's head does not travel alone: Terraform's SDK may lose what comes after it."""

import socket

from builders.local_server import LocalServer

# Answered by the emulator (a refusal) and by this project's own interface.
REQUESTS = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AmazonSSM.PutParameter\r\n"
    b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /_local/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
)


def test_what_is_received_first_is_the_whole_answer(local_aws: LocalServer) -> None:
    incomplete = []
    with socket.create_connection(("127.0.0.1", local_aws.port)) as connection:
        for _ in range(150):
            for request in REQUESTS:
                connection.sendall(request)
                head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                if len(body) < length:
                    incomplete.append(head)
                    while len(body) < length:
                        body += connection.recv(65536)

    assert incomplete == []


def test_an_answer_that_takes_many_pieces_arrives_whole(local_aws: LocalServer) -> None:
    s3, content = local_aws.client("s3"), bytes(range(256)) * 20_000
    s3.create_bucket(Bucket="large")
    s3.put_object(Bucket="large", Key="one", Body=content)

    assert s3.get_object(Bucket="large", Key="one")["Body"].read() == content
