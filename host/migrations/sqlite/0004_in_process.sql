-- What was measured so far ran in workers of ours, on no platform; since platforms have names of their own, this has one too.
UPDATE invocations SET platform = 'in-process';
