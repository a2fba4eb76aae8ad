"""What a caller may ask of a refresh: the defaults, and what AWS refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.autoscaling.exceptions import ValidationError

from bakehouse_lab.autoscaling.refresh.model import Preferences

if TYPE_CHECKING:
    from collections.abc import Mapping

# The least and the most of each number.
RANGES = {
    "MinHealthyPercentage": (0, 100),
    "MaxHealthyPercentage": (100, 200),
    "InstanceWarmup": (0, None),
    "CheckpointDelay": (0, 172800),
    "BakeTime": (0, 172800),
}
CHOICES = {
    "ScaleInProtectedInstances": ("Refresh", "Ignore", "Wait"),
    "StandbyInstances": ("Terminate", "Ignore", "Wait"),
}
CHECKPOINT_DELAY_SECONDS, MOST_ALARMS = 3600, 10


def read(said: Mapping[str, Any], warmup: int, policy: Mapping[str, int]) -> Preferences:
    """With every default: `warmup` is the group's, `policy` its instance maintenance policy.

    Raises ValidationError.
    """
    numbers = {name: _number(said, name) for name in RANGES}
    for name, choices in CHOICES.items():
        _check_choice(said, name, choices)
    least, most = numbers["MinHealthyPercentage"], numbers["MaxHealthyPercentage"]
    check_bounds(least, most)
    checkpoints = tuple(int(each) for each in said.get("CheckpointPercentages") or ())
    alarms = tuple((said.get("AlarmSpecification") or {}).get("Alarms") or ())
    _check_checkpoints(checkpoints, numbers["CheckpointDelay"])
    if len(alarms) > MOST_ALARMS:
        raise _refused(f"You can specify up to {MOST_ALARMS} alarms, not {len(alarms)}.")
    delay = numbers["CheckpointDelay"]
    return Preferences(
        least=policy.get("MinHealthyPercentage", 90) if least is None else least,
        most=policy.get("MaxHealthyPercentage") if most is None else most,
        warmup=_or(numbers["InstanceWarmup"], warmup),
        checkpoints=checkpoints,
        delay=_or(delay, CHECKPOINT_DELAY_SECONDS) if checkpoints else 0,
        skip_matching=bool(said.get("SkipMatching")),
        auto_rollback=bool(said.get("AutoRollback")),
        protected=said.get("ScaleInProtectedInstances") or "Wait",
        standby=said.get("StandbyInstances") or "Wait",
        alarms=alarms,
        bake=_or(numbers["BakeTime"], 0),
    )


def maintenance_policy(said: Mapping[str, Any] | None) -> dict[str, int] | None:
    """A group's instance maintenance policy; -1 clears it. Raises ValidationError."""
    if not said:
        return None
    least, most = said.get("MinHealthyPercentage"), said.get("MaxHealthyPercentage")
    if least is None or most is None:
        raise _refused("MinHealthyPercentage and MaxHealthyPercentage must both be specified.")
    if int(least) == int(most) == -1:
        return None
    low, high = _number(said, "MinHealthyPercentage"), _number(said, "MaxHealthyPercentage")
    check_bounds(low, high)
    return {"MinHealthyPercentage": int(least), "MaxHealthyPercentage": int(most)}


def _or(given: int | None, default: int) -> int:
    return default if given is None else given


def _number(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    low, high = RANGES[name]
    for wrong, bound in (
        (int(value) < low, f"greater than or equal to {low}"),
        (high is not None and int(value) > high, f"less than or equal to {high}"),
    ):
        if wrong:
            raise ValidationError(
                f"1 validation error detected: Value '{value}' at '{_path(name)}' failed to "
                f"satisfy constraint: Member must have value {bound}"
            )
    return int(value)


def _check_choice(said: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> None:
    value = said.get(name)
    if value is not None and value not in choices:
        raise ValidationError(
            f"1 validation error detected: Value '{value}' at '{_path(name)}' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(choices)}]"
        )


def _path(name: str) -> str:
    return f"preferences.{name[0].lower()}{name[1:]}"


def check_bounds(least: int | None, most: int | None) -> None:
    """Raises ValidationError when the two percentages do not go together."""
    if most is not None and least is None:
        raise _refused(
            "When you specify MaxHealthyPercentage, you must also specify MinHealthyPercentage."
        )
    if most is not None and least is not None and most - least > 100:
        raise _refused(
            "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be "
            f"greater than 100, and {most} - {least} is {most - least}."
        )


def _check_checkpoints(percentages: tuple[int, ...], delay: int | None) -> None:
    if delay is not None and not percentages:
        raise _refused("When you specify CheckpointDelay, you must specify CheckpointPercentages.")
    for each in percentages:
        if not 1 <= each <= 100:
            raise _refused(f"CheckpointPercentages must be from 1 to 100, and {each} is not.")
    if list(percentages) != sorted(set(percentages)):
        raise _refused("CheckpointPercentages must be unique and in ascending order.")


def _refused(why: str) -> ValidationError:
    return ValidationError(f"The request isn't valid. {why}")
