# Current packer only, in place of ../build.pkr.hcl: the same build, and what 1.6.6 does not know.
# scripts/bake enforces IMDSv2 on the finished image whichever packer made it.

build {
  source "source.amazon-ebs.web" {
    imds_support = "v2.0"

    metadata_options {
      http_endpoint               = "enabled"
      http_tokens                 = "required"
      http_put_response_hop_limit = 1
    }
  }

  provisioner "ansible" {
    command             = var.ansible_playbook
    playbook_file       = var.playbook
    inventory_directory = var.inventory_directory
    groups              = ["role_web", "baking"]
    user                = var.ssh_username
    use_proxy           = false # 1.6.6's proxy offers only ssh-rsa keys, which OpenSSH refuses
    extra_arguments     = ["--extra-vars", "@${var.ansible_variables}"]
    ansible_env_vars    = ["ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0", "ANSIBLE_INVENTORY_ENABLED=ini"]
  }

  post-processor "manifest" {
    output = var.manifest
  }
}
