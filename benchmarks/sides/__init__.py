"""One side of a comparison each: programs that run in a process of their own and print a line of JSON.

What is timed begins when everything is imported and the model is loaded. The programs of other products import nothing
of this one; they run in an environment of their own.
"""
