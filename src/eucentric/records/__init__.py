"""The records: everything that was measured, accepted or not, kept in a database with the images beside it.

    Focus, Session ─► Recorder ─► Gathering ─► Record ─► Writer (a thread) ─► Store ─► database, image folder
    Records ◄─ kept.py's frozen values ◄────────────────────────────────────────────────────┘

**To write**: `with Recorder(Place.of("runs/records.sqlite"), say=print) as recorder:`, and `recorder` among the
observers of a `Focus` or a `Session`. It never raises and never holds the focusing up for long.

**To read**: `with Records.open(place) as records:` then `records.sessions()`, `records.runs(Wanted(...))`,
`records.run(id)`, `records.run_details(id)`, `records.steps(run_id)`, `records.measurements(Wanted(...))`,
`records.measurement(id)` (all of one), `records.frames(measurement_id)` (its images, or why they are not there),
`records.drifts(Wanted(...))`, `records.events(run_id)`. All of it may be called from several threads, while others
write. `remeasured(records, measurement_id, Changes(...))` measures stored images again, with a map to look at.

    place.py        where: database (a file or a URL), image folder, which images are kept, how much
    base.py         column types, version         schema.py    the tables
    migrations/     from each version to the next, run at opening
    engine.py       SQLite in WAL mode, or a server; the only file that knows SQLite
    opening.py      made, migrated, or refused
    recorder.py     the observer                  gathering.py events into records (rows.py: their values)
    record.py       what is written in one transaction
    writer.py       the thread that writes        store.py     a record into the database, its images first
    image_files.py  the image folder: whole files, sweeping, room
    reading.py      Records                       kept.py      what it hands out (seen.py: from rows)
    queries.py      what it asks
    remeasure.py    measured again                table.py     measurements as rows for other programs
    export.py       a run folder from the records run_folder.py its place
    plain.py, unplain.py, references.py           objects as JSON and back
"""
