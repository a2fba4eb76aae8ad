# What scripts/bake decides and hands over (a JSON file of variables). To run packer by hand, take
# build/bake/<run>/variables.json of an earlier bake and change what you need.

variable "source_ami" {
  type        = string
  description = "The base image, resolved before: it is part of the baked image's identity."
}

variable "image_name" {
  type        = string
  description = "Unique; AWS refuses a second image of the same name."
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "endpoint" {
  type        = string
  default     = ""
  description = "AWS_ENDPOINT_URL; empty is AWS itself."
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Where the build host runs; empty is the default VPC."
}

variable "ssh_username" {
  type    = string
  default = "admin"
}

variable "ssh_interface" {
  type        = string
  default     = "private_ip"
  description = "private_ip from inside the network; public_ip or session_manager from outside."
}

variable "security_group" {
  type        = string
  description = "Of the build host. scripts/bake makes it: packer's own is open to the world, and has no tag to find it by."
}

variable "key_pair_name" {
  type        = string
  description = "Of the temporary key pair, so that it can be found after a crash."
}

variable "root_volume_gib" {
  type    = number
  default = 8
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "Encrypts the image; empty is the account's own EBS key."
}

variable "polling_seconds" {
  type        = number
  default     = 5
  description = "Between two looks at the state of an instance or image."
}

variable "tags" {
  type        = map(string)
  description = "Of the image and its snapshots: provenance."
}

variable "run_tags" {
  type        = map(string)
  description = "Of the build host and its volume; no Role, so that no inventory lists it."
}

variable "ansible_playbook" {
  type    = string
  default = "ansible-playbook"
}

variable "playbook" {
  type        = string
  description = "Absolute path of ansible/playbooks/bake.yml."
}

variable "inventory_directory" {
  type        = string
  description = "A folder with group_vars; packer adds the host."
}

variable "ansible_variables" {
  type        = string
  description = "Absolute path of a JSON file of variables for the playbook."
}

variable "manifest" {
  type        = string
  description = "Absolute path of the manifest to write."
}
