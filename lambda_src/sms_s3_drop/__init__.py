from shared.cold_start import collect_garbage_less_often

collect_garbage_less_often()
