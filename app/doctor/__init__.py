"""`eventstream doctor`: says of every setting and engine in one line what is wrong and how to mend it."""
