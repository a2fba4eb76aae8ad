"""Images: which is which, what is known of each, where it may go, and when it may go away.

| module          | what it is                                                           |
|-----------------|----------------------------------------------------------------------|
| image           | what an image is to us (pure)                                        |
| identity        | the hash of everything that decides an image's content (pure)        |
| account         | images in EC2                                                        |
| record          | what went in, what is in it, how it was verified (pure)              |
| packages        | the Debian packages in it (pure)                                     |
| sbom            | the same as a bill of materials (pure)                               |
| keep, store     | write a record; the bucket where records and locks lie               |
| lock            | one bake of an identity at a time                                    |
| comparison      | what differs between two (pure)                                      |
| vulnerabilities | which known ones it has (pure)                                       |
| tracker         | Debian's data about them                                             |
| channels        | which image an environment boots from (pure)                         |
| parameters      | channels in SSM                                                      |
| moves           | publish, promote, roll back                                          |
| copies, shares  | to another region, to other accounts                                 |
| garbage         | which may go, and what keeps the others (pure)                       |
| referrers       | what refers to them in the account                                   |
| collect         | take them away                                                       |
| leftovers       | what bakes left behind                                               |
"""
