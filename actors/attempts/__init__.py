"""What an attempt is given as it starts: the launch, results, words on the attempt before, a judge's papers."""
