"""Experience from the field: what xApps saw, decided and got for it, taken over gRPC, kept in segments, loaded as
batches."""

from rapp.experience.loading import Transitions, load
from rapp.experience.segments import ExperienceFolder, SegmentManifest, StreamSpan, manifests

__all__ = ["ExperienceFolder", "SegmentManifest", "StreamSpan", "Transitions", "load", "manifests"]
