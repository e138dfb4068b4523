"""The program `edge`: lets many clients wait for a change in Production, in one process, without a thread for each."""
