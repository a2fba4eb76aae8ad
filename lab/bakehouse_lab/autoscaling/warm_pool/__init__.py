"""Warm pools: instances beside a group that have booted before, and wait to be taken into it.

| module | what it is                                                             |
|--------|------------------------------------------------------------------------|
| model  | what decisions see of a pool, and what they may ask for                |
| decide | what a pool does next: enter, replace the ill, fill up, shrink (pure)  |
| act    | does what was decided                                                  |
| api    | PutWarmPool, DescribeWarmPool, DeleteWarmPool                          |

An instance of the pool is a member of its group in a state that begins with `Warmed:`. It counts
for no capacity and is in no target group:

    enter   Warmed:Pending -> [launch hooks: Warmed:Pending:Wait -> Warmed:Pending:Proceed] ->
            stopped -> Warmed:Stopped | Warmed:Running
    serve   started -> Pending -> [launch hooks again] -> registered -> InService
    return  InService -> Warmed:Pending, deregistered, drained -> [terminating hooks:
            Warmed:Pending:Wait -> ...] -> stopped -> Warmed:Stopped   (ReuseOnScaleIn)
    leave   Warmed:Terminating -> [terminating hooks] -> gone

From the EC2 Auto Scaling user guide: sizes ("Decrease latency for applications with long boot times
using warm pools"), states and hooks ("Use lifecycle hooks with a warm pool"), health ("View health
check status"); from the API's model: shapes, errors, limits. How activities are described was
recorded by others (awslabs/ec2-spot-workshops). Where they are silent the code says "AWS does not
say".
"""
