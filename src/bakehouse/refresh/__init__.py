"""Put a group that serves on another image, through AWS's instance refresh.

| module    | what it is                                                                 |
|-----------|----------------------------------------------------------------------------|
| rolling   | a refresh as we see it and ask for it: states, preferences, waves (pure)   |
| preflight | every reason against it (pure)                                             |
| outlook   | what it would do, and how long it would take (pure)                        |
| watch     | begin, watch until it is over, turn it round                               |
| canary    | is the first new host worse than the old ones? (pure)                      |
| traffic   | what the load balancer counted, from CloudWatch                            |
| chronicle | what happened, from one look to the next (pure)                            |
| contact   | talking to an AWS that is silent or too busy for a while                   |
| account   | refreshes in Auto Scaling and EC2                                          |
"""
