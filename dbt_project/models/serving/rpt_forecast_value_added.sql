{{ refresh_in_place() }}

with accuracy as (

    select * from {{ ref('rpt_accuracy_by_level') }}

),

baseline as (

    select * from accuracy
    where model = '{{ var("baseline_model") }}'

),

compared as (

    select
        ---------- ids
        accuracy.run_id,
        -- The report is read back from SQLite, which does not keep these types.
        cast(accuracy.fold as date) as fold,
        accuracy.model,
        cast(accuracy.level as integer) as level,

        ---------- metrics
        accuracy.wrmsse,
        baseline.wrmsse as baseline_wrmsse,
        1 - accuracy.wrmsse / nullif(baseline.wrmsse, 0) as value_added_wrmsse,
        accuracy.wape,
        baseline.wape as baseline_wape,
        1 - accuracy.wape / nullif(baseline.wape, 0) as value_added_wape

    from accuracy
    inner join baseline
        on
            accuracy.run_id = baseline.run_id
            and accuracy.fold = baseline.fold
            and accuracy.level = baseline.level
    where accuracy.model <> '{{ var("baseline_model") }}'

)

select * from compared
