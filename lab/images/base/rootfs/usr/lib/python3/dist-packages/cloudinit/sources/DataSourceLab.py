"""The EC2 data source of cloud-init, for a host that has no firmware tables to be recognised by.

cloud-init knows an EC2 instance by its DMI serial, and asks for a metadata token only there. A
container has no DMI, and its network is up before its first process: so this source is EC2 without
the question, and without waiting for a network.
"""

from cloudinit import sources
from cloudinit.sources.DataSourceEc2 import CloudNames, DataSourceEc2


class DataSourceLab(DataSourceEc2):
    """EC2, taken for granted; `Ec2` to all who ask which data source was found."""

    dsname = "Ec2"
    metadata_urls = ["http://169.254.169.254"]
    url_max_wait = 30
    url_timeout = 5
    network_config = None

    def _get_cloud_name(self):
        return CloudNames.AWS


def get_datasource_list(depends):
    """What cloud-init asks each module: the sources that need nothing but `depends`."""
    return sources.list_from_depends(depends, [(DataSourceLab, (sources.DEP_FILESYSTEM,))])
