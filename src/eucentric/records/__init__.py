"""The records: everything that was measured, accepted or not, kept in a database with the images beside it.

    Recorder (an observer) ─► gather ─► rows ─► Writer (a thread of its own) ─► Store ─► database + image folder
    Records (reading.py)   ◄─ kept.py's frozen dataclasses ◄──────────────────────────┘

**To write**: `with Recorder(Place.of("runs/records.sqlite"), say=print) as recorder:`, and `recorder` among the
observers of a `Focus` or a `Session`. It never raises and never holds the focusing up for long.

**To read**: `with Records.open(place) as records:` then `records.sessions()`, `records.runs(Wanted(...))`,
`records.run(id)`, `records.steps(run_id)`, `records.measurements(Wanted(...))`, `records.measurement(id)`,
`records.frames(measurement_id)`, `records.events(run_id)`. All of it may be called from several threads, while others
write.

    place.py        where: database (a file or a URL), image folder, which images are kept, how much
    schema.py       the tables (base.py: their types)      migrations/  from each version to the next, run at opening
    engine.py       opening: SQLite in WAL mode, or a server; the only file that knows SQLite
    gathering.py    events into records: one measurement with all that it has is one, each other event is one
    rows.py         records into rows
    store.py        a record into the database, its images first; the cap on images
    image_files.py  the image folder
    writer.py       the thread that writes                 recorder.py  the observer
    reading.py      Records                                kept.py      what it hands out
    remeasure.py    a stored pair, measured with other settings
    export.py       a run folder from the records          run_folder.py  its place
    plain.py, unplain.py, references.py                    objects as JSON and back
"""
