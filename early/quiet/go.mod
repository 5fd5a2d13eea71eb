module early.whalefall/quiet

go 1.26.0
