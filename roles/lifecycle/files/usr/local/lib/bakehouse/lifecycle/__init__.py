"""Answer Auto Scaling's lifecycle hooks from the instance itself.

| module | what it is                                                              |
|--------|-------------------------------------------------------------------------|
| decide | from what is seen to one step, at each end of a life (pure)             |
| asg    | the metadata service and the Auto Scaling API, as runtime_env asks them |
| hook   | one hook: is it waiting, keep it, let it go on                           |
| site   | this host's own pages, asked through nginx                              |
| units  | the units that must end, through systemd                                |
| world  | time, a voice, and patience: all that a test replaces                   |
| arrive | the verb: hold registration until the host is ready and warm            |
| depart | the verb: let workers end their jobs before the instance ends           |
| main   | the command and its settings                                            |

AWS and the metadata service are asked in the way of runtime_env, whose modules lie beside these.
"""
