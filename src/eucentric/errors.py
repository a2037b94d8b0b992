"""Every error that eucentric raises, one tree.

    EucentricError
    ├── InputError            the caller's data or options can't be used (a file, an array, impossible optics)
    │   ├── KeepError         what a session must keep can't be written
    │   └── GoneError         images that are asked for are not kept, or not any more
    ├── SettingsError         a setting is unknown or out of its bounds
    ├── CalibrationError      a calibration is missing or does not fit the present optics
    │   └── NotMeasuredError  a calibration could not be measured here: the images do not tell it
    ├── Aborted               the operator ended a run; everything was restored
    └── InstrumentError       the microscope did not do what it was asked
        ├── LimitError        asked to go beyond a limit; raised before anything moved
        ├── NotArrivedError   the read-back differs from what was set
        ├── TimedOutError     a call did not return in time
        └── NoImageError      the camera gave no usable image

Every message says what happened, the values with units, and what to do.
"""


class EucentricError(Exception):
    """Base of all errors raised on purpose; its text is a sentence for the operator."""


class InputError(EucentricError):
    """Data or options that can't be used."""


class KeepError(InputError):
    """What a session must keep can't be written: the disk is full, or gone."""


class GoneError(InputError):
    """Images that are not kept, or were removed to make room."""


class SettingsError(EucentricError):
    """A setting that is unknown or out of bounds."""


class CalibrationError(EucentricError):
    """A calibration that is missing or does not fit the present optics."""


class NotMeasuredError(CalibrationError):
    """A calibration that the images taken do not tell."""


class Aborted(EucentricError):
    """The operator ended a run from outside; what was changed for measuring is restored."""


class InstrumentError(EucentricError):
    """The microscope did not do what it was asked."""


class LimitError(InstrumentError):
    """A move beyond a limit was asked for; nothing was moved."""


class NotArrivedError(InstrumentError):
    """The read-back differs from what was set."""


class TimedOutError(InstrumentError):
    """A call into the instrument did not return in time."""


class NoImageError(InstrumentError):
    """The camera gave no usable image."""
