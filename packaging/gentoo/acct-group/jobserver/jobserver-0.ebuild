EAPI=8

inherit acct-group

DESCRIPTION="Group of those who may take slots of the machine's jobserver"
ACCT_GROUP_ID=-1
