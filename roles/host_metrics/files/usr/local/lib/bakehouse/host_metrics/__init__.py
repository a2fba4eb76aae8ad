"""How busy is this host, in figures: for the CloudWatch agent each few seconds, and for a person.

| module   | what it is                                                            |
|----------|-----------------------------------------------------------------------|
| fastcgi  | one question to PHP-FPM over its socket                               |
| backlog  | how many connections wait for a socket, which only the kernel knows   |
| look     | all questions at once, each with a deadline                           |
| figures  | from answers to figures (pure)                                        |
| show     | figures as a table, a line, JSON or StatsD (pure)                     |
| serve    | the loop of the service: look, hand over, say so to systemd           |
| main     | the command                                                           |

Only Python's standard library is here to be used.
"""
