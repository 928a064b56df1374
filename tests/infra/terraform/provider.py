"""A provider that knows a schema and no cloud, so that the real `terraform` can validate and plan without either.

It speaks Terraform's plugin protocol 6 over gRPC, as the real providers do, and answers from `schemas/`: Terraform
itself then checks every argument, type, reference and module call. A plan keeps what is configured and leaves what only
the cloud would know as unknown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgpack
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SCHEMAS = Path(__file__).with_name("schemas")
PACKAGE = "tfplugin6"
UNKNOWN = msgpack.ExtType(0, b"\x00")
"""How Terraform writes a value that will be known after apply."""

STRING, BYTES, BOOL, INT = "string", "bytes", "bool", "int64"
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}

# Message -> field -> (number, type); `*` before a type: repeated. The part of the protocol that is needed here.
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "DynamicValue": {"msgpack": (1, BYTES), "json": (2, BYTES)},
    "Attribute": {
        "name": (1, STRING), "type": (2, BYTES), "required": (4, BOOL), "optional": (5, BOOL), "computed": (6, BOOL),
        "sensitive": (7, BOOL),
    },
    "NestedBlock": {
        "type_name": (1, STRING), "block": (2, "Block"), "nesting": (3, INT), "min_items": (4, INT),
        "max_items": (5, INT),
    },
    "Block": {"version": (1, INT), "attributes": (2, "*Attribute"), "block_types": (3, "*NestedBlock")},
    "Schema": {"version": (1, INT), "block": (2, "Block")},
    "SchemaEntry": {"key": (1, STRING), "value": (2, "Schema")},
    "Schemas": {"provider": (1, "Schema"), "resource_schemas": (2, "*SchemaEntry"),
                "data_source_schemas": (3, "*SchemaEntry")},
    "Plan": {"type_name": (1, STRING), "proposed_new_state": (3, "DynamicValue")},
    "Planned": {"planned_state": (1, "DynamicValue"), "legacy_type_system": (5, BOOL)},
    "Empty": {},
}  # fmt: skip


def messages() -> dict[str, Any]:
    """Classes of the messages."""
    file = descriptor_pb2.FileDescriptorProto(name="provider.proto", package=PACKAGE, syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {STRING: kinds.TYPE_STRING, BYTES: kinds.TYPE_BYTES, BOOL: kinds.TYPE_BOOL, INT: kinds.TYPE_INT64}
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            added = message.field.add(name=field, number=number, label=kinds.LABEL_OPTIONAL)
            if kind.startswith("*"):
                added.label = kinds.LABEL_REPEATED
            if kind in scalars:
                added.type = scalars[kind]
            else:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{PACKAGE}.{kind.lstrip('*')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


CLASSES = messages()


def block_message(block: dict[str, Any]) -> Any:
    """A block as the protocol has it."""
    return CLASSES["Block"](
        attributes=[
            CLASSES["Attribute"](
                name=name, type=json.dumps(a["type"]).encode(), required=a.get("required", False),
                optional=a.get("optional", False), computed=a.get("computed", False),
            )
            for name, a in block["attributes"].items()
        ],
        block_types=[
            CLASSES["NestedBlock"](
                type_name=name, nesting=NESTING[nested["nesting_mode"]], block=block_message(nested["block"]),
                min_items=nested.get("min_items", 0), max_items=nested.get("max_items", 0),
            )
            for name, nested in block["block_types"].items()
        ],
    )  # fmt: skip


def schema_message(schema: dict[str, Any]) -> Any:
    """A schema as the protocol has it."""
    return CLASSES["Schema"](version=schema["version"], block=block_message(schema["block"]))


def planned(value: Any, block: dict[str, Any]) -> Any:
    """A proposed state with everything unknown that the configuration leaves to the cloud."""
    if not isinstance(value, dict):
        return value
    result = dict(value)
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and result.get(name) is None:
            result[name] = UNKNOWN
    for name, nested in block["block_types"].items():
        inside = result.get(name)
        if isinstance(inside, list):
            result[name] = [planned(item, nested["block"]) for item in inside]
        elif inside is not None:
            result[name] = planned(inside, nested["block"])
    return result


class Provider:
    """One provider's answers."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def get_schema(self, _request: bytes) -> bytes:
        entries = {
            part: [
                CLASSES["SchemaEntry"](key=name, value=schema_message(schema))
                for name, schema in self.schema[part].items()
            ]
            for part in ("resource_schemas", "data_source_schemas")
        }
        answer = CLASSES["Schemas"](provider=schema_message(self.schema["provider"]), **entries)
        return bytes(answer.SerializeToString())

    def plan(self, request: bytes) -> bytes:
        asked = CLASSES["Plan"].FromString(request)
        proposed = msgpack.unpackb(asked.proposed_new_state.msgpack, raw=False, strict_map_key=False)
        state = planned(proposed, self.schema["resource_schemas"][asked.type_name]["block"])
        answer = CLASSES["Planned"](
            planned_state=CLASSES["DynamicValue"](msgpack=msgpack.packb(state, use_bin_type=True)),
            legacy_type_system=True,
        )
        return bytes(answer.SerializeToString())

    def nothing(self, _request: bytes) -> bytes:
        """No diagnostics: valid."""
        return b""

    def handlers(self) -> grpc.GenericRpcHandler:
        methods: dict[str, Callable[[bytes], bytes]] = {
            "GetProviderSchema": self.get_schema,
            "PlanResourceChange": self.plan,
            **dict.fromkeys(
                ("ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig", "ConfigureProvider",
                 "StopProvider"),
                self.nothing,
            ),
        }  # fmt: skip
        return grpc.method_handlers_generic_handler(
            f"{PACKAGE}.Provider",
            {name: grpc.unary_unary_rpc_method_handler(answering(method)) for name, method in methods.items()},
        )


def answering(method: Callable[[bytes], bytes]) -> Callable[[bytes, Any], bytes]:
    """Without gRPC's context, which no answer needs."""
    return lambda request, _context: method(request)


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Every provider of `schemas/` on a port of its own; gives the variable that makes Terraform use them."""
    reattach = {}
    with ExitStack() as stack:
        for path in sorted(SCHEMAS.glob("*.json")):
            [(source, schema)] = json.loads(path.read_text())["provider_schemas"].items()
            server = grpc.server(ThreadPoolExecutor(4))
            server.add_generic_rpc_handlers((Provider(schema).handlers(),))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            stack.callback(lambda server=server: server.stop(None).wait())
            reattach[source] = {
                "Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True,
                "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
            }  # fmt: skip
        yield {"TF_REATTACH_PROVIDERS": json.dumps(reattach)}
