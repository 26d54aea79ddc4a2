"""Deletes a network interface where the host may have no `ip` command: one message of rtnetlink(7)."""

from __future__ import annotations

import errno
import os
import socket
import struct

_DELLINK = 17  # RTM_DELLINK, linux/rtnetlink.h
_REQUEST_ACK = 0x5  # NLM_F_REQUEST | NLM_F_ACK, linux/netlink.h
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_INTERFACE = struct.Struct("=BxHiII")  # struct ifinfomsg
_ERROR = struct.Struct("=i")  # struct nlmsgerr begins with the negative errno


def message(index: int) -> bytes:
    """The request to delete the interface with this index."""
    body = _INTERFACE.pack(socket.AF_UNSPEC, 0, index, 0, 0)
    return _HEADER.pack(_HEADER.size + len(body), _DELLINK, _REQUEST_ACK, 1, 0) + body


def delete(name: str) -> None:
    """Delete an interface; one that has gone meanwhile is fine.

    Raises
    ------
    OSError
        The kernel refused.
    """
    try:
        index = socket.if_nametoindex(name)
    except OSError:
        return
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as channel:
        channel.send(message(index))
        (code,) = _ERROR.unpack_from(channel.recv(4096), _HEADER.size)
    if code not in (0, -errno.ENODEV):
        raise OSError(-code, f"cannot delete the interface {name}: {os.strerror(-code)}")
