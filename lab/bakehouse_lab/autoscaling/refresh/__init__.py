"""Instance refresh: a group's instances are replaced a few at a time, and put back if that fails.

| module      | what it is                                                        |
|-------------|-------------------------------------------------------------------|
| model       | what decisions see of a refresh, and what they may ask for        |
| fleet       | the group's instances sorted, and the arithmetic (pure)           |
| whole       | the group and its warm pool together (pure)                       |
| decide      | what a refresh does next (pure)                                   |
| reasons     | why it waits, in AWS's words (pure)                               |
| preferences | what a caller may ask for, the defaults, and what AWS refuses     |
| checks      | whether a refresh, or a rollback, may begin at all                |
| records     | what is written down of a refresh                                 |
| act         | the loop's part: look, decide, write down, tell EventBridge       |
| api         | the four actions                                                  |

Only what AWS's documents, its SDKs' models or recorded answers say is done as AWS does it. Where
they are silent the code says "AWS does not say": the rounding of the upper bound, the words of most
refusals, and what the percentages of a group with ignored instances mean.
"""
