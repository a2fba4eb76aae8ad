# A web host's image. This folder is in the common subset of packer 1.6.6 (Debian's) and of current
# packer; modern/ holds what only the latter takes, and is given to it alone (see README.md).

source "amazon-ebs" "web" {
  region                 = var.region
  custom_endpoint_ec2    = var.endpoint
  skip_region_validation = true # packer's own list of regions is older than AWS's

  source_ami      = var.source_ami
  ami_name        = var.image_name
  ami_description = "A web host: nginx, PHP-FPM and one release of the application"
  instance_type   = var.instance_type
  subnet_id       = var.subnet_id

  # Encrypted from the first byte: the base image's volume is encrypted at launch, which saves the
  # second copy that encrypt_boot makes.
  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = var.root_volume_gib
    volume_type           = "gp3"
    iops                  = 3000
    throughput            = 125
    encrypted             = true
    kms_key_id            = var.kms_key_id
    delete_on_termination = true
  }

  security_group_ids = [var.security_group]

  ssh_username                = var.ssh_username
  ssh_interface               = var.ssh_interface
  ssh_timeout                 = "5m"
  temporary_key_pair_name     = var.key_pair_name
  associate_public_ip_address = var.ssh_interface == "public_ip"
  shutdown_behavior           = "terminate"

  aws_polling {
    delay_seconds = var.polling_seconds
    max_attempts  = 360
  }

  tags            = var.tags
  snapshot_tags   = var.tags
  run_tags        = var.run_tags
  run_volume_tags = var.run_tags
}
