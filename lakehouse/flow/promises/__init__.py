"""The checks of `verify`: each looks at the data at hand and says what is broken, in sentences."""
