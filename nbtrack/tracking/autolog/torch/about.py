"""What is recorded of a plain PyTorch loop besides its loss: what it trains, with what, how fast.

One `About` goes with each training. The loop tells it of each optimizer's first step, of every step, and of
the losses once they have been read from the device; nothing here waits for a device.
"""

from collections.abc import Sequence
from typing import Any


class About:
    """What there is to tell of one training."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def describe(self, optimizer: Any, grad_fn: Any = None) -> None:
        """Record what an optimizer trains and how; called in its first step, before it changes the weights.

        The user's frames are on the stack then, which is where its module is looked for.

        Args:
            optimizer: The optimizer; later ones of the same training (a GAN's) are told apart by number.
            grad_fn: `loss.grad_fn` of the last backward before this step, which tells the loss function
                and the precision. None: not seen.
        """

    def before_step(self, optimizer: Any, step: int) -> None:
        """Take note of a step that is about to be made: learning rates, epoch, time, gradient norm.

        Args:
            optimizer: The optimizer.
            step: Which step of the training this is, from 0.
        """

    def take_losses(self, steps: Sequence[int], losses: Sequence[float]) -> None:
        """Take losses that were read from the device, to make those of whole epochs of them.

        Args:
            steps: The steps they belong to, in order; none comes twice.
            losses: The mean loss of each step.
        """

    def let_go(self) -> None:
        """Log the model now if nobody else holds it any more, and release it.

        Called when another optimizer is made: memory that the user gave back is theirs again.
        """

    def finish(self) -> None:
        """Record what is left, once, outside the loop: the last epoch, throughput, the model."""
