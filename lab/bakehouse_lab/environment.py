"""The example environment `staging`: what a web application needs around its hosts.

Made through AWS's API alone, so the same calls would make it in a real account. Everything is
found by its name first and made only when it is missing: a second run changes nothing.

    10.20.0.0/16 staging-vpc
      public  a, b   staging-alb (80) ------------------+
      private a, b   staging-web, hosts of an Auto Scaling group (80 from the balancer)
                     staging-db, MySQL (3306 from the hosts)
                     staging-redis, Redis with TLS and a password (6379 from the hosts)
"""

from __future__ import annotations

import base64
import json
import secrets
import string
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from bakehouse_lab.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bakehouse_lab.settings import Settings

NAME = "staging"
KEY_PAIR = "bakehouse"  # imported when the lab starts; in a real account, yours
DEBIAN = "136693071363"  # the account that publishes Debian's images
BASE_IMAGES = "debian-13-amd64-*"
ANYWHERE = "0.0.0.0/0"

# Poll often: here everything is there in seconds. Thirty minutes are enough for a real database.
PATIENCE = {"Delay": 1, "MaxAttempts": 1800}

# The shape of production is every 30 s; this is the shortest that AWS takes, for impatient eyes.
HEALTH_CHECK = {
    "HealthCheckPath": "/health",
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 3,
    "Matcher": {"HttpCode": "200"},
}
DEREGISTRATION_SECONDS = 20  # longer than the slowest request that is worth waiting for

# Hosts answer these themselves (roles/lifecycle). One that never spoke is not fit to serve, so its
# launch is abandoned, after longer than a boot and all that it may take to be ready. One that goes
# is heard of every 10 seconds; after six of them it is dead, and not waited for.
HOOKS = (
    {
        "LifecycleHookName": "bakehouse-launch",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "HeartbeatTimeout": 300,
        "DefaultResult": "ABANDON",
    },
    {
        "LifecycleHookName": "bakehouse-terminate",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "HeartbeatTimeout": 60,
        "DefaultResult": "CONTINUE",
    },
)

POLICIES = ("CloudWatchAgentServerPolicy", "AmazonSSMManagedInstanceCore")


class NoImage(LookupError):
    """There is no image to start hosts from; all but the hosts has been made."""


@dataclass(slots=True)
class Environment:
    """What is there after `build`; `made`: what was not there before."""

    name: str
    url: str
    image: str
    hosts: int
    made: list[str]


@dataclass(slots=True)
class Making:
    """An environment in the making: whose account, what name, what range, who is told."""

    client: Callable[[str], Any]
    cidr: str
    report: Callable[[str], None]
    env: str = NAME
    made: list[str] = field(default_factory=list)

    def find_or_make(self, what: str, find: Callable[[], Any], make: Callable[[], Any]) -> Any:
        """What `find` returns, or else what `make` does."""
        found = find()
        if found is None:
            self.report(f"{what}: making it")
            found = make()
            self.made.append(what)
        return found

    def tags(self, name: str, **more: str) -> list[dict[str, str]]:
        """Tags in the form that most services take."""
        tags = {"Name": name, "Environment": self.env, **more}
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    def tagged(self, kind: str, name: str) -> list[dict[str, Any]]:
        """Tags in the form that EC2 takes when it makes something."""
        return [{"ResourceType": kind, "Tags": self.tags(name)}]


@dataclass(frozen=True, slots=True)
class Network:
    """Identifiers of the VPC and what is in it; groups by what they are for."""

    vpc: str
    public: tuple[str, ...]
    private: tuple[str, ...]
    groups: dict[str, str]


def make(settings: Settings, report: Callable[[str], None]) -> Environment:
    """Make the environment in the lab of `settings`."""
    session = boto3.Session("lab", "lab", region_name=REGION)
    return build(partial(session.client, endpoint_url=settings.endpoint), settings, report)


def build(
    client: Callable[[str], Any], settings: Settings, report: Callable[[str], None]
) -> Environment:
    """Make what is missing of the environment; `client` gives a boto3 client by service.

    Hosts are started last, when database and cache answer, and only when an image of our own
    (tag Role=web) exists: a plain Debian would answer no health check.
    """
    making = Making(cache(client), settings.environment_cidr, report)
    network = _network(making)
    secret = _secret(making)
    _database(making, network, secret)
    _cache(making, network, secret)
    account = making.client("sts").get_caller_identity()["Account"]
    bucket = _bucket(making, f"{making.env}-artifacts-{account}")
    _bucket(making, f"bakehouse-{account}-{making.client('s3').meta.region_name}")
    _instance_profile(making, bucket)
    target_group, url = _load_balancer(making, network)
    own_image = _newest(making, ["self"], {"tag:Role": "web"})
    _launch_template(making, network, own_image)
    _wait(making)
    hosts, image = _hosts(making, network, target_group, 2 if own_image else 0)
    return Environment(making.env, url, image, hosts, making.made)


# -- the network


def _network(making: Making) -> Network:
    vpc = _vpc(making)
    public = [_subnet(making, vpc, "public", zone, 1) for zone in "ab"]
    private = [_subnet(making, vpc, "private", zone, 11) for zone in "ab"]
    gateway = _internet_gateway(making, vpc)
    _routes(making, vpc, "public", public, {"GatewayId": gateway})
    _routes(making, vpc, "private", private, {"NatGatewayId": _nat_gateway(making, public[0])})
    return Network(vpc, tuple(public), tuple(private), _security_groups(making, vpc))


def _vpc(making: Making) -> str:
    ec2, name = making.client("ec2"), f"{making.env}-vpc"

    def make() -> str:
        tags = making.tagged("vpc", name)
        vpc = str(ec2.create_vpc(CidrBlock=making.cidr, TagSpecifications=tags)["Vpc"]["VpcId"])
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        return vpc

    found = ec2.describe_vpcs(Filters=_named(name))["Vpcs"]
    return str(making.find_or_make(name, lambda: _first(found, "VpcId"), make))


def _subnet(making: Making, vpc: str, kind: str, zone: str, first: int) -> str:
    ec2, name = making.client("ec2"), f"{making.env}-{kind}-{zone}"
    cidr = f"{making.cidr.rsplit('.', 2)[0]}.{first + 'ab'.index(zone)}.0/24"

    def make() -> str:
        made = ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=cidr,
            AvailabilityZone=f"{ec2.meta.region_name}{zone}",
            TagSpecifications=making.tagged("subnet", name),
        )
        return str(made["Subnet"]["SubnetId"])

    found = ec2.describe_subnets(Filters=[*_named(name), *_filters({"vpc-id": vpc})])["Subnets"]
    return str(making.find_or_make(name, lambda: _first(found, "SubnetId"), make))


def _internet_gateway(making: Making, vpc: str) -> str:
    ec2, name = making.client("ec2"), f"{making.env}-internet"

    def make() -> str:
        tags = making.tagged("internet-gateway", name)
        made = ec2.create_internet_gateway(TagSpecifications=tags)["InternetGateway"]
        ec2.attach_internet_gateway(InternetGatewayId=made["InternetGatewayId"], VpcId=vpc)
        return str(made["InternetGatewayId"])

    found = ec2.describe_internet_gateways(Filters=_named(name))["InternetGateways"]
    return str(making.find_or_make(name, lambda: _first(found, "InternetGatewayId"), make))


def _nat_gateway(making: Making, subnet: str) -> str:
    """The hosts' way out: to packages, and to the APIs that they ask about themselves."""
    ec2, name = making.client("ec2"), f"{making.env}-nat"

    def make() -> str:
        tags = making.tagged("elastic-ip", name)
        address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags)["AllocationId"]
        made = ec2.create_nat_gateway(
            SubnetId=subnet,
            AllocationId=address,
            TagSpecifications=making.tagged("natgateway", name),
        )
        gateway = str(made["NatGateway"]["NatGatewayId"])
        ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway], WaiterConfig=PATIENCE)
        return gateway

    alive = [*_named(name), {"Name": "state", "Values": ["pending", "available"]}]
    found = ec2.describe_nat_gateways(Filters=alive)["NatGateways"]
    return str(making.find_or_make(name, lambda: _first(found, "NatGatewayId"), make))


def _routes(
    making: Making, vpc: str, kind: str, subnets: Sequence[str], way_out: dict[str, str]
) -> None:
    ec2, name = making.client("ec2"), f"{making.env}-{kind}"

    def make() -> str:
        tags = making.tagged("route-table", name)
        made = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags)["RouteTable"]
        table = str(made["RouteTableId"])
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, **way_out)
        for subnet in subnets:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return table

    found = ec2.describe_route_tables(Filters=_named(name))["RouteTables"]
    making.find_or_make(f"{name} routes", lambda: _first(found, "RouteTableId"), make)


def _security_groups(making: Making, vpc: str) -> dict[str, str]:
    groups = {
        use: _security_group(making, vpc, use, what)
        for use, what in {
            "alb": "the load balancer, open to all",
            "web": "hosts, open to the load balancer",
            "db": "the database, open to the hosts",
            "redis": "the cache, open to the hosts",
        }.items()
    }
    for use, port, source in (
        ("alb", 80, ANYWHERE),
        ("alb", 443, ANYWHERE),
        ("web", 80, groups["alb"]),
        ("web", 22, making.cidr),  # operators reach hosts from within the VPC
        ("db", 3306, groups["web"]),
        ("redis", 6379, groups["web"]),
    ):
        _let_in(making, groups[use], port, source)
    return groups


def _security_group(making: Making, vpc: str, use: str, what: str) -> str:
    ec2, name = making.client("ec2"), f"{making.env}-{use}"

    def make() -> str:
        made = ec2.create_security_group(
            GroupName=name,
            Description=f"{making.env}: {what}",
            VpcId=vpc,
            TagSpecifications=making.tagged("security-group", name),
        )
        return str(made["GroupId"])

    wanted = _filters({"group-name": name, "vpc-id": vpc})
    found = ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]
    return str(making.find_or_make(f"{name} group", lambda: _first(found, "GroupId"), make))


def _let_in(making: Making, group: str, port: int, source: str) -> None:
    from_range = {"IpRanges": [{"CidrIp": source}]}
    from_group = {"UserIdGroupPairs": [{"GroupId": source}]}
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    rule |= from_group if source.startswith("sg-") else from_range
    ec2 = making.client("ec2")
    authorize = partial(ec2.authorize_security_group_ingress, IpPermissions=[rule])
    _unless("InvalidPermission.Duplicate", partial(authorize, GroupId=group))


# -- the data


def _secret(making: Making) -> dict[str, str]:
    """The application's secrets: read when they are there, made up once when not."""
    manager, name = making.client("secretsmanager"), f"{making.env}/app"

    def make() -> dict[str, Any]:
        text = json.dumps(_made_up())
        tags = making.tags(name)
        manager.create_secret(Name=name, SecretString=text, Tags=tags)
        return {"SecretString": text}

    get = partial(manager.get_secret_value, SecretId=name)
    found = making.find_or_make(name, partial(_unless, "ResourceNotFoundException", get), make)
    secret: dict[str, str] = json.loads(found["SecretString"])
    return secret


def _made_up() -> dict[str, str]:
    letters = string.ascii_letters + string.digits  # what every service takes in a password
    password, token = ("".join(secrets.choice(letters) for _ in range(32)) for _ in range(2))
    return {
        "APP_KEY": f"base64:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "DB_USERNAME": "app",
        "DB_PASSWORD": password,
        "REDIS_PASSWORD": token,
    }


def _database(making: Making, network: Network, secret: dict[str, str]) -> None:
    rds, name = making.client("rds"), f"{making.env}-db"
    making.find_or_make(
        f"{name} subnets",
        lambda: _unless(
            "DBSubnetGroupNotFoundFault",
            partial(rds.describe_db_subnet_groups, DBSubnetGroupName=name),
        ),
        lambda: rds.create_db_subnet_group(
            DBSubnetGroupName=name,
            DBSubnetGroupDescription=f"{making.env}: private subnets",
            SubnetIds=list(network.private),
            Tags=making.tags(name),
        ),
    )
    making.find_or_make(
        name,
        lambda: _unless(
            "DBInstanceNotFound", partial(rds.describe_db_instances, DBInstanceIdentifier=name)
        ),
        lambda: rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="mysql",
            DBInstanceClass="db.t3.medium",
            AllocatedStorage=20,
            StorageEncrypted=True,
            DBName="app",
            MasterUsername=secret["DB_USERNAME"],
            MasterUserPassword=secret["DB_PASSWORD"],
            DBSubnetGroupName=name,
            VpcSecurityGroupIds=[network.groups["db"]],
            PubliclyAccessible=False,
            Tags=making.tags(name),
        ),
    )


def _cache(making: Making, network: Network, secret: dict[str, str]) -> None:
    redis, name = making.client("elasticache"), f"{making.env}-redis"
    making.find_or_make(
        f"{name} subnets",
        lambda: _unless(
            "CacheSubnetGroupNotFoundFault",
            partial(redis.describe_cache_subnet_groups, CacheSubnetGroupName=name),
        ),
        lambda: redis.create_cache_subnet_group(
            CacheSubnetGroupName=name,
            CacheSubnetGroupDescription=f"{making.env}: private subnets",
            SubnetIds=list(network.private),
            Tags=making.tags(name),
        ),
    )
    making.find_or_make(
        name,
        lambda: _unless(
            "ReplicationGroupNotFoundFault",
            partial(redis.describe_replication_groups, ReplicationGroupId=name),
        ),
        lambda: redis.create_replication_group(
            ReplicationGroupId=name,
            ReplicationGroupDescription=f"{making.env}: cache, sessions, queue",
            Engine="redis",
            CacheNodeType="cache.t4g.micro",
            NumCacheClusters=1,
            AuthToken=secret["REDIS_PASSWORD"],
            TransitEncryptionEnabled=True,
            AtRestEncryptionEnabled=True,
            CacheSubnetGroupName=name,
            SecurityGroupIds=[network.groups["redis"]],
            Tags=making.tags(name),
        ),
    )


def _wait(making: Making) -> None:
    """Until database and cache answer: a host that boots before them has nothing to serve."""
    making.client("rds").get_waiter("db_instance_available").wait(
        DBInstanceIdentifier=f"{making.env}-db", WaiterConfig=PATIENCE
    )
    making.client("elasticache").get_waiter("replication_group_available").wait(
        ReplicationGroupId=f"{making.env}-redis", WaiterConfig=PATIENCE
    )


def _bucket(making: Making, name: str) -> str:
    s3 = making.client("s3")

    def make() -> None:
        region = s3.meta.region_name
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **({} if region == "us-east-1" else elsewhere))
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )

    making.find_or_make(name, lambda: _unless("404", partial(s3.head_bucket, Bucket=name)), make)
    return name


# -- the hosts


def _instance_profile(making: Making, bucket: str) -> None:
    """A host may find its environment, read its secret and releases, answer its hooks; no more."""
    iam, name = making.client("iam"), f"{making.env}-web"

    def make_role() -> None:
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=_policy([trust]), Tags=making.tags(name)
        )
        for policy in POLICIES:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        iam.put_role_policy(
            RoleName=name, PolicyName=name, PolicyDocument=_policy(_rights(making, bucket))
        )

    def make_profile() -> None:
        iam.create_instance_profile(InstanceProfileName=name, Tags=making.tags(name))
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    get_role = partial(iam.get_role, RoleName=name)
    get_profile = partial(iam.get_instance_profile, InstanceProfileName=name)
    making.find_or_make(f"{name} role", lambda: _unless("NoSuchEntity", get_role), make_role)
    making.find_or_make(
        f"{name} profile", lambda: _unless("NoSuchEntity", get_profile), make_profile
    )


def _rights(making: Making, bucket: str) -> list[dict[str, Any]]:
    looked_up = [
        "rds:DescribeDBInstances",
        "elasticache:DescribeReplicationGroups",
        "ec2:DescribeTags",
        "autoscaling:DescribeAutoScalingInstances",
    ]
    answered = [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
    ]
    group = f"arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/{making.env}-web"
    secret = f"arn:aws:secretsmanager:*:*:secret:{making.env}/app-*"
    releases = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return [
        {"Effect": "Allow", "Action": looked_up, "Resource": "*"},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": releases},
        {"Effect": "Allow", "Action": answered, "Resource": group},
    ]


def _load_balancer(making: Making, network: Network) -> tuple[str, str]:
    """The target group's ARN, and the URL under which the balancer answers."""
    elb, name = making.client("elbv2"), f"{making.env}-alb"

    def make() -> dict[str, Any]:
        made = elb.create_load_balancer(
            Name=name,
            Subnets=list(network.public),
            SecurityGroups=[network.groups["alb"]],
            Tags=making.tags(name),
        )
        balancer: dict[str, Any] = made["LoadBalancers"][0]
        return balancer

    def find() -> dict[str, Any] | None:
        found = _unless("LoadBalancerNotFound", partial(elb.describe_load_balancers, Names=[name]))
        return found["LoadBalancers"][0] if found else None

    balancer = making.find_or_make(name, find, make)
    target_group = _target_group(making, network)
    _listener(making, balancer["LoadBalancerArn"], target_group)
    return target_group, f"http://{balancer['DNSName']}/"


def _target_group(making: Making, network: Network) -> str:
    elb, name = making.client("elbv2"), f"{making.env}-web"

    def make() -> str:
        made = elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=80,
            VpcId=network.vpc,
            TargetType="instance",
            Tags=making.tags(name),
            **HEALTH_CHECK,
        )
        arn = str(made["TargetGroups"][0]["TargetGroupArn"])
        delay = {
            "Key": "deregistration_delay.timeout_seconds",
            "Value": str(DEREGISTRATION_SECONDS),
        }
        elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
        return arn

    def find() -> str | None:
        found = _unless("TargetGroupNotFound", partial(elb.describe_target_groups, Names=[name]))
        return _first(found["TargetGroups"], "TargetGroupArn") if found else None

    return str(making.find_or_make(f"{name} targets", find, make))


def _listener(making: Making, balancer: str, target_group: str) -> None:
    elb = making.client("elbv2")
    found = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    making.find_or_make(
        f"{making.env}-alb listener",
        lambda: _first([each for each in found if each["Port"] == 80], "ListenerArn"),
        lambda: elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        ),
    )


def _launch_template(making: Making, network: Network, own_image: str | None) -> None:
    ec2, name = making.client("ec2"), f"{making.env}-web"

    def make() -> None:
        image = own_image or _newest(making, [DEBIAN], {"name": BASE_IMAGES})
        if image is None:
            raise NoImage(f"found no image {BASE_IMAGES} of account {DEBIAN} to make hosts from")
        tags = making.tags(name, Role="web", Application="app")
        ec2.create_launch_template(
            LaunchTemplateName=name,
            TagSpecifications=making.tagged("launch-template", name),
            LaunchTemplateData={
                "ImageId": image,
                "InstanceType": "t3.small",
                "KeyName": KEY_PAIR,
                "SecurityGroupIds": [network.groups["web"]],
                "IamInstanceProfile": {"Name": name},
                "MetadataOptions": {
                    "HttpEndpoint": "enabled",
                    "HttpTokens": "required",
                    "HttpPutResponseHopLimit": 1,
                    "InstanceMetadataTags": "enabled",
                },
                "TagSpecifications": [
                    {"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")
                ],
            },
        )

    making.find_or_make(
        f"{name} template",
        lambda: _unless(
            "InvalidLaunchTemplateName.NotFoundException",
            partial(ec2.describe_launch_templates, LaunchTemplateNames=[name]),
        ),
        make,
    )


def _hosts(making: Making, network: Network, target_group: str, wanted: int) -> tuple[int, str]:
    """How many hosts the Auto Scaling group keeps, and the image that they boot from."""
    scaling, name = making.client("autoscaling"), f"{making.env}-web"
    version = _newest_version(making)
    tags = making.tags(name, Role="web", Application="app")

    def find() -> dict[str, Any] | None:
        found = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return next(iter(found["AutoScalingGroups"]), None)

    def make() -> dict[str, Any]:
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchTemplate={
                "LaunchTemplateName": name,
                "Version": str(version["VersionNumber"]),
            },
            MinSize=wanted,
            DesiredCapacity=wanted,
            MaxSize=4,
            VPCZoneIdentifier=",".join(network.private),
            TargetGroupARNs=[target_group],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=300,
            LifecycleHookSpecificationList=list(HOOKS),
            Tags=[tag | {"PropagateAtLaunch": True} for tag in tags],
        )
        return {"DesiredCapacity": wanted}

    group = making.find_or_make(f"{name} hosts", find, make)
    return group["DesiredCapacity"], version["LaunchTemplateData"]["ImageId"]


def _newest_version(making: Making) -> dict[str, Any]:
    found = making.client("ec2").describe_launch_template_versions(
        LaunchTemplateName=f"{making.env}-web", Versions=["$Latest"]
    )
    version: dict[str, Any] = found["LaunchTemplateVersions"][0]
    return version


def _newest(making: Making, owners: list[str], wanted: dict[str, str]) -> str | None:
    """The newest image that can be booted, or None."""
    filters = _filters(wanted | {"state": "available"})
    images = making.client("ec2").describe_images(Owners=owners, Filters=filters)["Images"]
    return _first(sorted(images, key=lambda each: each["CreationDate"], reverse=True), "ImageId")


# -- words


def _filters(wanted: dict[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]} for name, value in wanted.items()]


def _named(name: str) -> list[dict[str, Any]]:
    return _filters({"tag:Name": name})


def _first(found: Sequence[dict[str, Any]], key: str) -> str | None:
    return str(found[0][key]) if found else None


def _unless(code: str, call: Callable[[], Any]) -> Any:
    """The answer of `call`; None when AWS answers with the error `code`."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return None


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
