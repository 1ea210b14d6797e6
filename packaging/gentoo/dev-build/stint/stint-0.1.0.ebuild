EAPI=8

inherit linux-info tmpfiles

DESCRIPTION="Jobserver for the whole machine: every build draws its job slots from one pool"
HOMEPAGE="https://stint.invalid/"
SRC_URI="${P}-linux-x64.tar.gz"

LICENSE="MIT"
SLOT="0"
KEYWORDS="~amd64"
# The archive is made by packaging/tarball.sh; what is compiled in it comes from koffi as it is.
RESTRICT="fetch strip"
QA_PREBUILT="usr/lib/stint/*"

RDEPEND="
	acct-group/jobserver
	>=net-libs/nodejs-24
"

CONFIG_CHECK="~FUSE_FS"
ERROR_FUSE_FS="the pool of the machine is a FUSE mount"

pkg_nofetch() {
	einfo "Make ${SRC_URI} by packaging/tarball.sh in the sources, and put it into your DISTDIR"
}

src_compile() { :; }

src_install() {
	DESTDIR="${D}" PREFIX="${EPREFIX}/usr" SYSCONFDIR="${EPREFIX}/etc" OPENRC=1 packaging/install.sh || die
	rm "${ED}"/usr/lib/sysusers.d/stint.conf || die # acct-group/jobserver
	mv "${ED}"/usr/share/doc/stint "${ED}/usr/share/doc/${PF}" || die
	rm "${ED}/usr/share/doc/${PF}"/LICENSE || die

	insinto /etc/sandbox.d
	doins integrations/portage/sandbox.d/10stint
}

pkg_postinst() {
	tmpfiles_process stint.conf
	if [[ -z ${ROOT} && -n ${REPLACING_VERSIONS} && -S /run/stint/api.sock ]]; then
		ebegin "Having the daemon go on as ${PF}"
		stint upgrade
		eend $?
	fi
	elog "Who may take slots: members of the group jobserver, the user portage among them."
	elog "What Portage has to be told: stint env --for portage"
}
