# What is not in a role is not in the image: one playbook, and a note of what came of it.

build {
  sources = ["source.amazon-ebs.web"]

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
