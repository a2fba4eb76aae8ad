"""Groups of hosts on an image.

| module  | what it is                                                                   |
|---------|------------------------------------------------------------------------------|
| group   | what a group is, and the one step to take next (pure)                        |
| launch  | put a group on an image                                                      |
| account | groups in Auto Scaling, EC2 and ELB                                          |
"""
