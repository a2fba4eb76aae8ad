"""What the roles' own files tell, without a host.

| module    | what it is                                                                 |
|-----------|----------------------------------------------------------------------------|
| sources   | variables with their reasons, and what each task and template writes       |
| explain   | why a file on a host is as it is                                           |
| readme    | the table of variables in a role's README                                  |
| variables | variables that are set and no role reads                                   |
| tags      | tags that are asked for and nothing has                                    |
| sizing    | the arithmetic behind PHP-FPM's workers                                    |
"""
