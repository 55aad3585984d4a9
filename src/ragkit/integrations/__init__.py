"""ragkit as a part of other frameworks; each file needs the package of the framework that it is named after."""
