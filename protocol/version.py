"""The version of the distribution, and that of the wire.

Kept free of imports: `orch-actors version` and the build read it.
"""

VERSION = "0.1.0"

#: Version of the wire protocol (SPEC.md). A daemon refuses what it does not speak, by name.
PROTOCOL_VERSION = 1
