"""What an AMI is, apart from its container image: kept beside it, so that it outlives moto."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

ROOT_DEVICE = "/dev/xvda"


@dataclass(frozen=True, slots=True)
class AmiRecord:
    """One AMI. `created` is ISO 8601; empty texts mean that AWS shows nothing there."""

    id: str
    name: str
    created: str
    snapshot_id: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    snapshot_tags: dict[str, str] = field(default_factory=dict)
    size_gib: int = 8
    volume_type: str = "gp3"
    encrypted: bool = False
    source_instance: str = ""
    source_image: str = ""
    deprecated: str = ""
    imds_support: str = ""
    launch_permissions: list[dict[str, str]] = field(default_factory=list)

    def to_json(self) -> str:
        """As a file, for people to read too."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> AmiRecord:
        """Read what `to_json` wrote; fields of a newer or older lab are left out or defaulted.

        Raises ValueError when it is no AMI at all.
        """
        said = json.loads(text)
        known = {each.name for each in fields(cls)}
        try:
            return cls(**{name: value for name, value in said.items() if name in known})
        except (TypeError, AttributeError) as wrong:
            raise ValueError(f"not an AMI's record: {wrong}") from wrong

    def to_label(self) -> str:
        """As a label of the container image: the way back when the file is lost."""
        return base64.b64encode(self.to_json().encode()).decode()

    @classmethod
    def from_label(cls, label: str) -> AmiRecord:
        """Read what `to_label` wrote; raises ValueError when it is something else."""
        return cls.from_json(base64.b64decode(label, validate=True).decode())

    @classmethod
    def of(cls, ami: Any) -> AmiRecord:
        """What moto's object says now; hold the world's lock."""
        return cls(
            id=ami.id,
            name=ami.name,
            created=ami.creation_date.isoformat(),
            snapshot_id=ami.ebs_snapshot.id,
            description=ami.description or "",
            tags=_tags(ami),
            snapshot_tags=_tags(ami.ebs_snapshot),
            size_gib=ami.disk_size,
            volume_type=ami.disk_type,
            encrypted=ami.disk_encrypted,
            source_instance=ami.instance_id or "",
            source_image=ami.source_image_id or "",
            deprecated=ami.deprecation_time or "",
            imds_support=ami.imds_support or "",
            launch_permissions=list(ami.launch_permissions),
        )

    def restore(self, backend: Any, kind: Any, **more: Any) -> Any:
        """Make moto's object (of class `kind`) from this record, and put it into the records."""
        ami = kind(
            backend,
            self.id,
            name=self.name,
            description=self.description,
            virtualization_type="hvm",
            architecture="x86_64",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=ROOT_DEVICE,
            region_name=f"{backend.region_name}a",
            creation_date=datetime.fromisoformat(self.created),
            tags=self.tags,
            **more,
        )
        self._dress(ami, backend)
        backend.amis[self.id] = ami
        return ami

    def _dress(self, ami: Any, backend: Any) -> None:
        ami.disk_size, ami.disk_type = self.size_gib, self.volume_type
        ami.disk_encrypted = self.encrypted
        ami.instance_id = self.source_instance or None
        ami.source_image_id = self.source_image or None
        ami.deprecation_time = self.deprecated or None
        ami.imds_support = self.imds_support or None
        ami.ena_support = True
        ami.container_image = ""
        ami.launch_permissions += [p for p in self.launch_permissions if p != {"Group": "all"}]
        snapshot = ami.ebs_snapshot
        del backend.snapshots[snapshot.id]
        snapshot.id = self.snapshot_id
        snapshot.volume.size, snapshot.encrypted = self.size_gib, self.encrypted
        backend.snapshots[snapshot.id] = snapshot
        snapshot.add_tags(self.snapshot_tags)


def _tags(resource: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in resource.get_tags()}
