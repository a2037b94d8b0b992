"""The claims of the README, measured: `python -m benchmarks` prints each with its bar and what was found.

The simulations here are written apart from the product (`physics`, `texture`, `weak_phase`) or come from another
package (`multislice`: abTEM), so that an error of sign or of a factor in one can't hide in the other.
"""
