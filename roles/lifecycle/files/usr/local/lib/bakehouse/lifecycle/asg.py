"""Auto Scaling as the instance sees it: its metadata, and the few calls that hooks need."""

from collections.abc import Callable

from runtime_env.aws import Aws, Client
from runtime_env.faults import Fault, MetadataUnreachable
from runtime_env.metadata import Metadata
from runtime_env.patience import NotYet

TARGET = "/latest/meta-data/autoscaling/target-lifecycle-state"


class Here(Metadata):
    """The metadata service of this instance."""

    def target(self) -> str:
        """Where Auto Scaling takes this instance (InService, Terminated); empty outside a group.

        One that is switched off (403) may be switched on again, as one that is away may come back.
        """
        try:
            return self._get(TARGET)
        except FileNotFoundError:
            return ""
        except MetadataUnreachable as refused:
            raise NotYet(str(refused), MetadataUnreachable) from refused


class NothingWaits(Fault):
    """No lifecycle action of that name is open for this instance."""


class Scaling(Aws):
    """The calls, each asked once: raises NotYet when it is worth asking again."""

    def __init__(self, client: Client, instance: str) -> None:
        """For this instance."""
        super().__init__(client)
        self._instance = instance

    def place(self) -> tuple[str, str]:
        """The group and the lifecycle state; two empty words outside a group."""
        answer = self._ask(
            "autoscaling:DescribeAutoScalingInstances",
            lambda: self._client("autoscaling").describe_auto_scaling_instances(
                InstanceIds=[self._instance]
            ),
            {},
            "AutoScalingInstances",
        )
        for found in answer["AutoScalingInstances"]:
            return found["AutoScalingGroupName"], found["LifecycleState"]
        return "", ""

    def beat(self, group: str, hook: str) -> bool:
        """Record a heartbeat; False when nothing waits for one."""
        return self._tell(
            "autoscaling:RecordLifecycleActionHeartbeat",
            lambda: self._client("autoscaling").record_lifecycle_action_heartbeat(
                AutoScalingGroupName=group, LifecycleHookName=hook, InstanceId=self._instance
            ),
        )

    def complete(self, group: str, hook: str, result: str) -> bool:
        """Complete the action; False when nothing waits for it any more."""
        return self._tell(
            "autoscaling:CompleteLifecycleAction",
            lambda: self._client("autoscaling").complete_lifecycle_action(
                AutoScalingGroupName=group,
                LifecycleHookName=hook,
                InstanceId=self._instance,
                LifecycleActionResult=result,
            ),
        )

    def _tell(self, action: str, question: Callable[[], object]) -> bool:
        none = NothingWaits("no active lifecycle action")  # AWS: a ValidationError, and no code
        try:
            self._ask(action, question, {"ValidationError": none}, "ResponseMetadata")
        except NothingWaits:
            return False
        return True
