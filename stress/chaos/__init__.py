"""The chaos campaign: real clients, a real daemon, and everything of ours dying at random; then a checker judges.

Theory of operation. A campaign is a number of rounds, each in a fresh home, each from a seed of its own:

    round       plan.py       what will be done to the processes, one strike after the other (from the seed)
                jobs.py       what each agent will do: graphs, edits, repetitions, decisions (from the seed)
                agents.py     a process of clients: agents do their jobs, consumers read events; all is written down
                keeper.py     the daemon's processes: started, killed, stopped, continued
                round.py      carries out the strikes; when all are done, waits for every graph's end; collects the rest
                checker/      judges what was written down; shares no code with what it judges
                smalldisk.py  half of the rounds, where that can be, on a file system that is full for a while
    campaign    campaign.py   the rounds, and what they came to

What a round leaves is a folder (record.py): the agents' histories, the consumers' events, the lines that tasks wrote as
they began and ended, the journal, the last views, the strikes. The verdict is made from that folder alone, so it can be
made again, and a test can plant a violation in it.

What a seed repeats: every graph, edit, command and answer that is offered, every strike, its victim, and what it waits
for. What it cannot repeat is the machine's timing: where exactly within a write or a spawn a kill lands, and so which
commands arrive before it.

Rejected: rounds without end in one home (a fault would be in a journal of hundreds of megabytes), kills at fixed times
(a slow machine would be killed before it has done anything): a strike waits for so many effects of tasks.
"""
