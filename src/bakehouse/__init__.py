"""Bake, launch, wire and refresh Laravel hosts on AWS.

| package    | what it is                                                                |
|------------|---------------------------------------------------------------------------|
| cli        | one module for each command in scripts/                                   |
| baking     | from a working tree to an image that passed                               |
| refresh    | put a group that serves on another image                                  |
| fleet      | groups of hosts on an image                                               |
| images     | which image is which, what is known of it, where it may go                |
| roles      | what the roles' own files tell                                            |
| cloudwatch | what is wrong with an agent's configuration                               |

A package uses those below it (but baking and refresh know nothing of each other, nor do roles and
cloudwatch), and what stands here: `aws`, the only module that talks to AWS; `ssh`, the only one
that talks to hosts; `progress`, `topic` and `trouble`, how people are spoken to; `release`, which
packs an application.
"""
