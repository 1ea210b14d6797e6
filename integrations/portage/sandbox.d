# For /etc/sandbox.d/10stint: jobserver clients in Portage's sandbox open the node for reading and writing.
SANDBOX_WRITE="/run/stint"
