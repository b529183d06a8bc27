//! A look-alike of Zoho Desk.
