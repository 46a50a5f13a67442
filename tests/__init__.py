"""The tests, in the folders of the code. A package of its own name, so that no installed ``tests`` takes its place."""
