"""`headrace promote`: reads examples, weighs the versions of each model, and changes what serves."""
