"""AWS on a desk: moto serves the API, real hosts stand behind it.

One process, one lock. moto holds the records (`world`); loops look at the records and at
podman, pure functions decide what to do next, and one adapter does it (`podman`).

| module       | what it is                                                      |
|--------------|-----------------------------------------------------------------|
| settings     | one lab's name, ports, networks and folders, all from its slot  |
| machine      | what this machine allows a container to have                    |
| podman       | the only module that runs podman                                |
| network      | bridges, address translation, packet filters                    |
| world        | moto's records, the lock around them, who owns which address    |
| loop         | look, decide, act, and look again: the shape of each controller |
| api          | the HTTP face: AWS errors, never HTML, and a log of the calls    |
| compat       | one file for each defect of moto that we mend                   |
| ec2, imds, autoscaling, elb, rds, elasticache | one folder for each service    |
| environment  | the example environment, made through the API                   |
| serve        | the process                                                     |
| cli          | `scripts/lab`                                                   |
"""
