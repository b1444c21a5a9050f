#!/bin/bash
# A study on Slurm, over all nodes of the job:
#   sbatch cluster/slurm.sh --space rounds_curve --data webnlg_star --data-root /path/to/corpora
# Every argument is an option of rin-study. Options of sbatch come before the name of this file, and override
# those below. All nodes must be able to access this folder, the output folder (--runs) and the corpora.
# Two minutes before the time limit, the running trials save checkpoints, and the job requeues itself.
# It then resumes, with the same results as without a limit.
#SBATCH --job-name=rin-study
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=rin-study-%j.log
# For GPUs: #SBATCH --gpus-per-task=1
set -uo pipefail

# shellcheck source=/dev/null
source "${RIN_VENV:-.venv}/bin/activate"
export RAY_USAGE_STATS_ENABLED=0 SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"
# Without a token, every user of the nodes could run code in this Ray cluster.
RAY_AUTH_TOKEN=$(head --bytes 32 /dev/urandom | od --address-radix n --format x1 | tr --delete ' \n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN

# This script runs on the first node, which becomes Ray's head. Each start of a job has a port of its own.
port=$((20000 + (10 * SLURM_JOB_ID + ${SLURM_RESTART_COUNT:-0}) % 10000))
address=$(hostname --ip-address | cut --delimiter ' ' --fields 1):$port
files=$(mktemp --directory)
trap 'rm -rf "$files"' EXIT

resume_later() {
  trap '' USR1
  echo "time limit: the running trials save checkpoints"
  kill -TERM "$(cat "$files/pid" 2>/dev/null)" 2>/dev/null
  for _ in $(seq 80); do
    [ -f "$files/code" ] && break
    sleep 1
  done
  code=$(cat "$files/code" 2>/dev/null || echo 130)
  [ "$code" = 130 ] || exit "$code" # it had ended before
  for _ in $(seq 20); do # Ray stops on all nodes
    kill -0 "$step" 2>/dev/null || break
    sleep 1
  done
  echo "the job goes back into the queue"
  scontrol requeue "$SLURM_JOB_ID"
  exit
}
trap resume_later USR1

# Ray's own command starts Ray on each node, then the study on the head node, and stops Ray after it. The
# study's process and its exit code are in files: Slurm sends its signal to this script alone, and the exit
# code of srun may be that of another node.
srun --wait 20 ray symmetric-run --address "$address" --min-nodes "$SLURM_NNODES" \
  --num-cpus "$SLURM_CPUS_PER_TASK" -- \
  bash -c '(echo "$BASHPID" > "$0/pid"; exec rin-study "$@"); echo $? > "$0/code"' \
  "$files" --ray-address "$address" "$@" &
step=$!
wait "$step"
exit "$(cat "$files/code" 2>/dev/null || echo 1)"
