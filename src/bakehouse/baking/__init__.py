"""From a working tree to an image that passed.

| module      | what it is                                                               |
|-------------|--------------------------------------------------------------------------|
| oven        | the whole way: is there one, is one being baked, bake, publish           |
| bake        | one bake: its stages, and nothing left behind however it ends            |
| workbench   | what it needs before it begins                                           |
| ingredients | the files that decide what an image is                                   |
| reasons     | which inputs changed since which image                                   |
| kitchen     | the real one: packer builds, EC2 boots, OpenSSH asks                     |
| packer      | runs packer                                                              |
| listener    | hears it                                                                 |
| fresh       | hosts of the image in EC2                                                |
| verify      | asks them                                                                |
| hygiene     | what they may not have, and not have in common                           |
| traces      | the program that looks for it on a host                                  |
| nightly     | once a night, alone, told to people                                      |
"""
